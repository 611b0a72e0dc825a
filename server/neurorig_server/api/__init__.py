"""The REST interface: one router per noun. Routers pass requests to the store and views back, nothing else."""
