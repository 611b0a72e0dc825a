"""The board "loihi": Lava in a worker process with an interpreter of its own. Importing this loads nothing."""
