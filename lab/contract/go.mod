module coracle.dev/lab/contract

go 1.26.0
