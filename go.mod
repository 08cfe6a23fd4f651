module toaster

go 1.26
