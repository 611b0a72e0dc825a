"""Annealing networks of spiking chips: network, quantisation, temperatures. Shared by Loihi and the virtual chip."""
