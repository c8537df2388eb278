package pointsman

// Shape is the form of a request: what of it a client may choose freely and what
// changes how well a model answers. It holds no text of the client's.
type Shape struct {
	// Turns counts the messages of the conversation.
	Turns int `json:"turns"`
	// Roles are those of its messages, each once, in increasing order; one that
	// is none of the usual ones is "other".
	Roles []string `json:"roles,omitempty"`
	// NonText counts the parts that are not text: images, audio, files.
	NonText int `json:"non_text,omitempty"`
	// Settings are those with which the client changes how a model answers, such
	// as "temperature" and "tools", in increasing order.
	Settings []string `json:"settings,omitempty"`
	// Scripts are the writing systems of a good part of the last user message's
	// letters, in increasing order.
	Scripts []string `json:"scripts,omitempty"`
}
