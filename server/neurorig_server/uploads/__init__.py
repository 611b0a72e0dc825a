"""What is uploaded on its way in: traces in chunks, files through their check, both into the object store."""
