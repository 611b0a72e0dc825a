"""Database migrations, frozen in time; nothing of ours is imported here."""
