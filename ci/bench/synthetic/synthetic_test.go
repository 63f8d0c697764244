package synthetic

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

func TestContractHasTheAskedWordings(t *testing.T) {
	from, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []int{1, 10, 41, 410, 4_100} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			c := Contract(from, asked)
			clauses, wordings := map[string]bool{}, map[string]bool{}
			for clause := range c.Clauses() {
				if clauses[clause.ID] {
					t.Errorf("clause %s stands twice", clause.ID)
				}
				clauses[clause.ID] = true
				if clause.Operation.Contract != c || c.Operation(clause.Operation.ID) != clause.Operation {
					t.Errorf("clause %s stands on an operation of another contract", clause.ID)
				}
				for _, w := range clause.Wordings {
					wordings[w.ID()] = true
					if w.Clause != clause {
						t.Errorf("wording %s is of another clause", w.ID())
					}
				}
			}
			if len(wordings) != asked {
				t.Errorf("%d wordings with ids of their own, asked for %d", len(wordings), asked)
			}
		})
	}
	if again, err := fixtures.Load("graph"); err != nil || !reflect.DeepEqual(from, again) {
		t.Errorf("the contract it was made from has changed (%v)", err)
	}
}
