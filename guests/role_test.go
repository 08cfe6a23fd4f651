package guests

// roleVar, in the environment, makes the test binary play another part than to test.
const roleVar = "TOASTER_GUESTS_ROLE"

func playRole(string) int { return 125 }
