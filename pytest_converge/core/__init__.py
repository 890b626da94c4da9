"""Values that every layer shares: plain, frozen, standard library only."""
