package student_test

import (
	"context"
	"fmt"
	"log"

	"github.com/pointsman-ai/pointsman/internal/student"
)

func ExampleTrain() {
	examples := []student.Example{
		{Text: "play some jazz", Label: "music"},
		{Text: "play a song by Nina Simone", Label: "music"},
		{Text: "put on some music", Label: "music"},
		{Text: "play the next song", Label: "music"},
		{Text: "will it rain today", Label: "weather"},
		{Text: "is it going to rain on friday", Label: "weather"},
		{Text: "how warm is it today", Label: "weather"},
		{Text: "will it snow tonight", Label: "weather"},
		{Text: "who wrote hamlet", Label: student.OutOfScope},
	}
	model, err := student.Train(context.Background(), examples, student.Small(), nil)
	if err != nil {
		log.Fatal(err)
	}
	artefact, err := model.MarshalBinary()
	if err != nil {
		log.Fatal(err)
	}

	// Elsewhere, later:
	model, err = student.Unmarshal(artefact)
	if err != nil {
		log.Fatal(err)
	}
	predictor := model.NewPredictor() // one for each goroutine.
	fmt.Println(model.Labels())
	fmt.Println(predictor.Predict("will it rain tonight", 1).Top())
	fmt.Println(predictor.Predict("play some music", 1).Top())
	fmt.Println(predictor.Predict("xyzzy", 1).OOS)
	// Output:
	// [music weather]
	// weather
	// music
	// 1
}

func ExampleTrainTagger() {
	var examples []student.TaggedExample
	for _, name := range []string{"Ada", "Grace", "Alan", "Emmy", "Kurt", "Rosa"} {
		for _, amount := range []string{"12.50", "7.00", "199.99"} {
			examples = append(examples, student.TaggedExample{
				Text:   fmt.Sprintf("Dear %s, please pay $%s soon.", name, amount),
				Fields: map[string]string{"name": name, "amount": amount},
			})
		}
	}
	tagger, err := student.TrainTagger(context.Background(), examples, student.SmallTagger(), nil)
	if err != nil {
		log.Fatal(err)
	}
	found := tagger.Extract("Dear Barbara, please pay $31.07 soon.")
	for _, field := range tagger.Fields() {
		v := found.Fields[field]
		fmt.Printf("%s: %q at %d, sure: %v\n", field, v.Value, v.Start, v.Prob > .8)
	}
	// Output:
	// amount: "31.07" at 26, sure: true
	// name: "Barbara" at 5, sure: true
}
