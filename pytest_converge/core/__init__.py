"""Values and errors that every room shares: plain, frozen, standard library only."""
