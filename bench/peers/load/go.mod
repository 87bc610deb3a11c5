module keswick/bench/load

go 1.25
