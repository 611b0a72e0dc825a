"""The SQL store. Its methods are the use cases of the server, one transaction each. Not for trace samples."""
