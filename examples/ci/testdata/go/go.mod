module example.org/greet

go 1.26.0
