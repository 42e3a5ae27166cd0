"""Tables, figures and pages from finished results. Never computes an outcome."""
