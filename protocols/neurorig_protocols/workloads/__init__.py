"""The workloads that ship with neurorig, one package each."""
