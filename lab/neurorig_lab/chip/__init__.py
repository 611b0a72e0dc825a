"""A VIRTUAL neuromorphic chip of the Loihi-1 type: real computation, modelled time and energy.

It is not a simulator of a product. Events cost what publications say of Loihi 1; the neuron programs are those of the
published annealing network, which needs programmable neurons and graded spikes as on Loihi 2. What no publication
states is listed in `constants.UNKNOWN` and charged to nothing.
"""
