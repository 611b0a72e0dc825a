"""The server: queue, store, results and pages."""
