"""SimPy wiring that knows no domain words: queues with servers and the window scheduler."""
