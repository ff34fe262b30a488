"""What every benchmark is made of: places, contenders, rounds, reports, pages."""
