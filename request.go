package pointsman

// Dialect names a wire format that clients or upstreams speak.
type Dialect string

// DialectChat is OpenAI's chat-completions format.
const DialectChat Dialect = "openai.chat"

// Payload is a request as its client sent it. Only the rooms of its dialect
// look inside.
type Payload struct {
	Dialect Dialect
	// Body is what the client sent, byte for byte.
	Body []byte
	// Details are what the dialect's decoder keeps of the body for its
	// encoders, such as whether the client asked for usage in its stream.
	Details any
}

// Message is one turn of a conversation, with its text parts joined. Parts
// that are not text (images, audio) are counted but not held.
type Message struct {
	Role     string `json:"role"`
	Text     string `json:"text"`
	NonText  int    `json:"non_text,omitempty"`
	ToolName string `json:"tool_name,omitempty"`
}

// Request is one request as the cascade sees it: a view that every dialect can
// give, beside the payload that it was read from. It is read-only once made:
// tiers derive what they send from the payload and never change it.
type Request struct {
	Payload Payload
	// Messages are the turns of the conversation, oldest first.
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
	// Stream says that the client asked for the answer as a stream.
	Stream bool
	// Settings are those with which the client changes how a model answers, such
	// as "temperature" and "tools", in increasing order.
	Settings []string
	// Choices is how many answers the client asked for; at least 1.
	Choices int
	// Pin is the tier that the client asked for, or empty.
	Pin TierID
}
