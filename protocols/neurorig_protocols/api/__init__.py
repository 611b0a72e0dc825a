"""Every record that a server answers with, one module for each resource."""
