package pointsman

// Message is one turn of a conversation, with its text parts joined. Parts
// that are not text (images, audio) are counted but not held.
type Message struct {
	Role     string `json:"role"`
	Text     string `json:"text"`
	NonText  int    `json:"non_text,omitempty"`
	ToolName string `json:"tool_name,omitempty"`
}

// Request is one request as the cascade sees it. It is read-only once made:
// tiers derive what they send from Body and never change it.
type Request struct {
	// Body is the chat-completions request exactly as the client sent it.
	Body []byte
	// Messages are the turns of Body, oldest first.
	Messages []Message
	// Input is the text of the last user message: what classifiers and most
	// request signals read.
	Input string
	// Metadata are the attributes that rules and slices see. What the
	// credential fixes has replaced what the client claimed.
	Metadata map[string]string
	// Conversation groups requests; empty where the client named none.
	Conversation string
	// Principal is the name of the credential, or empty.
	Principal string
	// Stream says that the client asked for server-sent events, and
	// StreamUsage that it asked for a last chunk with the usage.
	Stream      bool
	StreamUsage bool
	// Pin is the tier that the client asked for, or empty.
	Pin TierID
}
