"""What every board and every monitor driver must keep to, as checks that run on a live driver."""
