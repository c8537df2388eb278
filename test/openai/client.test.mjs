// OpenAI's own client, as it comes from npm, against a running `pointsman
// serve`. openai_test.go starts the servers and the model behind them; the
// model's answers depend on what it is asked (fake_test.go).
//
//   POINTSMAN_URL        a server that asks for no key
//   POINTSMAN_KEYED_URL  a server that does
//   POINTSMAN_KEY        a key that it knows
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

const { POINTSMAN_URL, POINTSMAN_KEYED_URL, POINTSMAN_KEY } = process.env;
for (const name of ['POINTSMAN_URL', 'POINTSMAN_KEYED_URL', 'POINTSMAN_KEY']) {
  assert.ok(process.env[name], `${name} is not set: run this with make client`);
}

const connect = (base, apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });
const client = connect(POINTSMAN_URL, 'no key is asked for');
const ask = (content, more = {}) => ({ model: 'chat', messages: [{ role: 'user', content }], ...more });

// A promise that must be kept soon: a test that waits for ever says nothing.
const soon = (what, promise, ms = 10_000) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

test('models are the tasks', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    assert.equal(model.object, 'model');
    ids.push(model.id);
  }
  assert.deepEqual(ids.filter((id) => !id.includes('/')).sort(), ['chat', 'intent', 'steady']);

  const one = await client.models.retrieve('intent');
  assert.equal(one.id, 'intent');
  await assert.rejects(client.models.retrieve('no-such-task'), OpenAI.NotFoundError);
});

test('a plain completion', async () => {
  const { data, response } = await client.chat.completions.create(ask('hello')).withResponse();
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.choices.length, 1);
  assert.equal(data.choices[0].message.role, 'assistant');
  assert.equal(data.choices[0].message.content, 'You said: hello.');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.ok(data.usage.prompt_tokens > 0 && data.usage.completion_tokens > 0);
  // What pointsman has no word for passes untouched.
  assert.equal(data.system_fingerprint, 'fp_fake');
  assert.equal(data.vendor_extra, 'kept');

  assert.match(response.headers.get('x-pointsman-decision'), /^[0-9a-zA-Z-]{20,}$/);
  assert.equal(response.headers.get('x-pointsman-tier'), 'large');
  assert.equal(response.headers.get('x-pointsman-model'), 'large');
  assert.ok(response.headers.get('x-pointsman-cause'));
});

test('a cascade answers with one model, and says which', async () => {
  const { data, response } = await client.chat.completions
    .create(ask('Where is my parcel?', { model: 'intent' }))
    .withResponse();
  assert.equal(data.choices[0].message.content, 'parcel');
  // Nothing was calibrated, so nothing but the largest tier may be trusted.
  assert.equal(response.headers.get('x-pointsman-tier'), 'large');
  assert.equal(response.headers.get('x-pointsman-cause'), 'uncalibrated');
});

test('a tier is pinned by a header', async () => {
  const { response } = await client.chat.completions
    .create(ask('Where is my parcel?', { model: 'intent' }), { headers: { 'x-pointsman-pin': 'small' } })
    .withResponse();
  assert.equal(response.headers.get('x-pointsman-tier'), 'small');
  assert.equal(response.headers.get('x-pointsman-cause'), 'pinned');
});

test('a pinned tier that fails is not replaced behind the back of who pinned it', async () => {
  const error = await failure(
    client.chat.completions.create(ask('Where is my parcel? (small is down)', { model: 'intent' }), {
      headers: { 'x-pointsman-pin': 'small' },
    }),
  );
  assert.ok(error instanceof OpenAI.InternalServerError, String(error));
  assert.equal(error.code, 'upstream_failed');
});

test('provider/model is asked as it is', async () => {
  const { data, response } = await client.chat.completions
    .create(ask('hello', { model: 'vendor/large' }))
    .withResponse();
  assert.equal(data.choices[0].message.content, 'You said: hello.');
  assert.equal(response.headers.get('x-pointsman-cause'), 'direct');
});

// collect reads a stream to its end.
async function collect(stream) {
  const got = { text: '', chunks: 0, usage: undefined, usages: 0, finish: undefined, role: undefined };
  for await (const chunk of stream) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    got.chunks++;
    const choice = chunk.choices[0];
    got.text += choice?.delta?.content ?? '';
    got.role ??= choice?.delta?.role;
    got.finish ??= choice?.finish_reason ?? undefined;
    if (chunk.usage) {
      got.usage = chunk.usage;
      got.usages++;
      assert.equal(chunk.choices.length, 0, 'usage comes in a chunk of its own');
    }
  }
  return got;
}

for (const model of ['chat', 'intent']) {
  const [question, answer] =
    model === 'chat' ? ['tell me more', 'You said: tell me more.'] : ['Where is my parcel?', 'parcel'];

  test(`a stream of ${model} adds up, without usage where none was asked for`, async () => {
    const { data, response } = await client.chat.completions
      .create(ask(question, { model, stream: true }))
      .withResponse();
    assert.match(response.headers.get('content-type'), /^text\/event-stream/);
    assert.equal(response.headers.get('x-pointsman-tier'), 'large');
    const got = await collect(data);
    assert.equal(got.text, answer);
    assert.ok(got.chunks > 2, 'it came in pieces');
    assert.equal(got.role, 'assistant');
    assert.equal(got.finish, 'stop');
    assert.equal(got.usages, 0);
  });

  test(`a stream of ${model} ends with its usage where that was asked for`, async () => {
    const got = await collect(
      await client.chat.completions.create(
        ask(question, { model, stream: true, stream_options: { include_usage: true } }),
      ),
    );
    assert.equal(got.text, answer);
    assert.equal(got.usages, 1);
    assert.equal(got.usage.total_tokens, got.usage.prompt_tokens + got.usage.completion_tokens);
  });
}

test("the client's own stream helper adds up", async () => {
  const runner = client.chat.completions.stream(ask('once more', { stream_options: { include_usage: true } }));
  const final = await soon('the stream', runner.finalChatCompletion());
  assert.equal(final.choices[0].message.content, 'You said: once more.');
  assert.ok(final.usage.total_tokens > 0);
});

test('log probabilities pass', async () => {
  const data = await client.chat.completions.create(ask('hello', { logprobs: true, top_logprobs: 2 }));
  const { content } = data.choices[0].logprobs;
  assert.equal(content.map((token) => token.token).join(''), data.choices[0].message.content);
  assert.equal(content[0].top_logprobs.length, 2);
  assert.ok(content[0].logprob < 0);

  // And are left out where the client did not ask for them, though pointsman
  // may have asked the model for its own use.
  const plain = await client.chat.completions.create(ask('Where is my parcel?', { model: 'intent' }));
  assert.ok(!plain.choices[0].logprobs, 'the client asked for no log probabilities');
});

const tools = [
  {
    type: 'function',
    function: {
      name: 'track',
      description: 'Find a parcel',
      parameters: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
    },
  },
];

test('tool calls pass', async () => {
  const data = await client.chat.completions.create(ask('track 123', { tools, tool_choice: 'auto' }));
  assert.equal(data.choices[0].finish_reason, 'tool_calls');
  assert.equal(data.choices[0].message.content, null);
  const [call] = data.choices[0].message.tool_calls;
  assert.equal(call.function.name, 'track');
  assert.deepEqual(JSON.parse(call.function.arguments), { number: '123' });

  // The result goes back the way it came.
  const next = await client.chat.completions.create({
    model: 'chat',
    tools,
    messages: [
      { role: 'user', content: 'track 123' },
      data.choices[0].message,
      { role: 'tool', tool_call_id: call.id, content: 'delivered' },
    ],
  });
  assert.equal(next.choices[0].message.content, 'The tool said: delivered.');
});

test('tool calls pass in a stream', async () => {
  const runner = client.chat.completions.stream(ask('track 123', { tools }));
  const final = await soon('the stream', runner.finalChatCompletion());
  assert.equal(final.choices[0].finish_reason, 'tool_calls');
  assert.equal(final.choices[0].message.tool_calls[0].function.name, 'track');
  assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments), { number: '123' });
});

// failure is the error that a promise is rejected with.
const failure = (promise) =>
  promise.then(
    () => assert.fail('it went well'),
    (error) => error,
  );

test('an unknown model is not found, and the error says what to do', async () => {
  const error = await failure(client.chat.completions.create(ask('hello', { model: 'chatt' })));
  assert.ok(error instanceof OpenAI.NotFoundError, String(error));
  assert.equal(error.status, 404);
  assert.equal(error.code, 'model_not_found');
  assert.equal(error.type, 'invalid_request_error');
  assert.match(error.message, /chatt/);
  assert.ok(error.error.hint && error.message.includes(error.error.hint), error.message);
});

test('malformed requests are refused', async () => {
  for (const [body, param] of [
    [{ messages: 'hello' }, /messages/],
    [{ messages: [] }, /messages/],
    [{ messages: [{ content: 'hello' }] }, /messages/],
    [{ messages: [{ role: 'user', content: 7 }] }, /messages/],
    [{ n: 2 }, /^n$/],
    [{ stream: 'yes' }, /^stream$/],
    [{ metadata: { a: 1 } }, /metadata/],
  ]) {
    const error = await failure(client.chat.completions.create(ask('hello', body)));
    assert.ok(error instanceof OpenAI.BadRequestError, `${JSON.stringify(body)}: ${error}`);
    assert.equal(error.code, 'invalid_request');
    assert.match(error.param ?? '', param, JSON.stringify(body));
  }
  const headers = { 'content-type': 'application/json' };
  const empty = await failure(client.post('/chat/completions', { body: null, headers }));
  assert.ok(empty instanceof OpenAI.BadRequestError, String(empty));
  // Without a body the client declares none, and what is not JSON is not read.
  const undeclared = await failure(client.post('/chat/completions', { body: null }));
  assert.equal(undeclared.status, 415, String(undeclared));
});

test("a vendor's refusal is the error that the client knows, and is tried again only where that helps", async () => {
  for (const [status, kind, got, tries] of [
    [400, OpenAI.BadRequestError, 400, 1],
    [404, OpenAI.NotFoundError, 404, 1],
    [413, OpenAI.APIError, 413, 1],
    [422, OpenAI.UnprocessableEntityError, 422, 1],
    [429, OpenAI.RateLimitError, 429, 3],
    [401, OpenAI.InternalServerError, 502, 1],
    [402, OpenAI.InternalServerError, 502, 1],
    [403, OpenAI.InternalServerError, 502, 1],
    [503, OpenAI.InternalServerError, 502, 3],
  ]) {
    let asked = 0;
    const counting = new OpenAI({
      baseURL: `${POINTSMAN_URL}/v1`,
      apiKey: 'no key is asked for',
      maxRetries: 2,
      timeout: 20_000,
      fetch: (...all) => {
        asked++;
        return fetch(...all);
      },
    });
    const error = await failure(counting.chat.completions.create(ask(`refuse ${status}`)));
    assert.ok(error instanceof kind, `${status}: ${error}`);
    assert.equal(error.status, got, String(status));
    assert.equal(asked, tries, `${status} was asked ${asked} times`);
    if (status === got) {
      assert.match(error.message, /the vendor refuses/);
      assert.equal(error.requestID, 'req_fake');
      assert.equal(error.headers.get('x-ratelimit-remaining-requests'), '0');
    } else {
      assert.equal(error.code, [401, 402, 403].includes(status) ? 'upstream_credentials' : 'upstream_failed');
      assert.ok(!/the vendor refuses/.test(error.message), error.message);
    }
  }
});

test('a model that fails is a server error with the record of it', async () => {
  const error = await failure(client.chat.completions.create(ask('fail, please')));
  assert.ok(error instanceof OpenAI.InternalServerError, String(error));
  assert.equal(error.status, 502);
  assert.equal(error.code, 'upstream_failed');
  assert.equal(error.error.decision, error.headers.get('x-pointsman-decision'));
  assert.ok(!/secret|sk-/.test(error.message), "the vendor's words are for the operator");
});

test('a model that is too slow is a time-out', async () => {
  const error = await failure(client.chat.completions.create(ask('silent', { model: 'steady' })));
  assert.equal(error.status, 504, String(error));
  assert.equal(error.code, 'upstream_timeout');
});

test('a stream that breaks off raises', async () => {
  const stream = await client.chat.completions.create(ask('break off', { stream: true }));
  let text = '';
  const error = await failure(
    (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    })(),
  );
  assert.ok(error instanceof OpenAI.APIError, String(error));
  assert.ok('You said: break off.'.startsWith(text) && text, 'what came before was passed on');
});

test('a missing or wrong key is an authentication error', async () => {
  for (const key of ['wrong', `${POINTSMAN_KEY}x`]) {
    const error = await failure(connect(POINTSMAN_KEYED_URL, key).chat.completions.create(ask('hello')));
    assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
    assert.equal(error.code, 'invalid_api_key');
    assert.ok(!error.message.includes(key));
  }
  const error = await failure(connect(POINTSMAN_KEYED_URL, 'wrong').models.list());
  assert.ok(error instanceof OpenAI.AuthenticationError, String(error));

  const known = connect(POINTSMAN_KEYED_URL, POINTSMAN_KEY);
  const data = await known.chat.completions.create(ask('hello'));
  assert.equal(data.choices[0].message.content, 'You said: hello.');
});

test('a stream is aborted in the middle', async () => {
  const stream = await client.chat.completions.create(ask('slow', { stream: true }));
  let chunks = 0;
  await soon(
    'the loop',
    (async () => {
      for await (const _ of stream) {
        if (++chunks === 3) stream.controller.abort();
      }
    })(),
  );
  assert.ok(chunks >= 3 && chunks < 30, `${chunks} chunks`);
});

test('a stream is left early', async () => {
  const stream = await client.chat.completions.create(ask('slow', { stream: true }));
  for await (const _ of stream) break;
});

for (const stream of [false, true]) {
  test(`a request is aborted before its first byte, ${stream ? 'streamed' : 'whole'}`, async () => {
    const controller = new AbortController();
    const answer = failure(client.chat.completions.create(ask('silent', { stream }), { signal: controller.signal }));
    setTimeout(() => controller.abort(), 300);
    const error = await soon('the abort', answer);
    assert.ok(error instanceof OpenAI.APIUserAbortError, String(error));
  });
}

test('the server serves on after aborts', async () => {
  const data = await client.chat.completions.create(ask('hello'));
  assert.equal(data.choices[0].message.content, 'You said: hello.');
});

test('feedback is recorded once', async () => {
  const { response } = await client.chat.completions
    .create(ask('Where is my parcel?', { model: 'intent' }))
    .withResponse();
  const body = {
    decision_id: response.headers.get('x-pointsman-decision'),
    label: 'parcel',
    correct: true,
    comment: 'well done',
  };
  const first = await client.post('/feedback', { body }).withResponse();
  assert.equal(first.response.status, 201);
  assert.equal(first.data.decision_id, body.decision_id);
  assert.equal(first.data.existed, false);

  const second = await client.post('/feedback', { body }).withResponse();
  assert.equal(second.response.status, 200);
  assert.equal(second.data.existed, true);
  assert.equal(second.data.id, first.data.id);

  // With a key of one's own the key decides, and not the words.
  const keyed = { ...body, comment: 'other words', idempotency_key: 'once' };
  assert.equal((await client.post('/feedback', { body: keyed })).existed, false);
  assert.equal((await client.post('/feedback', { body: { ...keyed, comment: 'again' } })).existed, true);

  const unknown = await failure(
    client.post('/feedback', { body: { ...body, decision_id: body.decision_id.replace(/.{4}$/, '0000') } }),
  );
  assert.ok(unknown instanceof OpenAI.NotFoundError, String(unknown));
  const silent = await failure(client.post('/feedback', { body: { decision_id: body.decision_id } }));
  assert.ok(silent instanceof OpenAI.BadRequestError, String(silent));
});

test('many at once each get their own answer', async () => {
  const words = Array.from({ length: 64 }, (_, i) => `word ${i}`);
  const answers = await Promise.all(
    words.map(async (word, i) => {
      const request = ask(word, i % 2 ? {} : { stream: true });
      const answer = await client.chat.completions.create(request);
      return i % 2 ? answer.choices[0].message.content : (await collect(answer)).text;
    }),
  );
  assert.deepEqual(
    answers,
    words.map((word) => `You said: ${word}.`),
  );
});
