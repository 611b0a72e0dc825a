"""`neurorig demo`: server, agents and the virtual lab as processes of their own, used through the client."""
