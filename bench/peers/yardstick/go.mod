module keswick/bench/yardstick

go 1.24
