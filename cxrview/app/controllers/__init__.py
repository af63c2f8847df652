"""What the window does: each controller turns intents into transitions and follows the state with work in lanes; none knows a widget."""
