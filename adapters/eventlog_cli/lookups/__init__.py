"""What commands look up: names, chosen conversations, trees, sums, what would go."""
