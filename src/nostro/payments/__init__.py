"""Taking money from customers and giving it back."""
