"""What every request passes: bodies and their limits, slow clients, authentication, problem details."""
