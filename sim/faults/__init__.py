"""What validators and the network between them do wrong, one file a fault.

A fault is a frozen dataclass whose fields are its knobs. It begins at some nodes of a site and
hands back what ends it; it holds no schedule and draws only what it is handed.
"""
