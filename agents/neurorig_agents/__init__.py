"""The agent: the daemon beside a bench."""
