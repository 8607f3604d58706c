"""Result files: what is inferred from them, what they warn of, pages of them, older layouts."""
