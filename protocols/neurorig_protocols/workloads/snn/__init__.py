"""Spiking networks in integers: dynamics, input events, packed form."""
