"""Its presence is what Lava takes as sign of the extension (`lava.utils.loihi.is_installed`)."""
