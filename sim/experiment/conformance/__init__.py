"""The checks that every plug-in must pass, shipped so that anybody can run them on theirs."""
