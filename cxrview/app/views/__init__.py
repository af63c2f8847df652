"""What is seen: each view renders a state and says what the person wants; none knows a controller."""
