"""The command line; runs where Qt is not installed."""
