"""Looking for better targets with our own solvers, and writing down what was found. No bench takes part in it."""
