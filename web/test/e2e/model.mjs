/** A language model as the server sees it: an OpenAI-compatible server of ours, which says what a story wants. */
import { createServer } from 'node:http';

/** The words of the request for a title; see src/chat/title.rs. */
const TITLE_WANTED = /^You name conversations/;
const WORD_MS = 20;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const sayBack = (said) => said;
export const titleOf = (text) => `About ${text.split(/\s+/).slice(0, 3).join(' ')}`;

export async function startModel() {
  const model = {
    /** What it answers to the last message, and what it calls a conversation that begins so. */
    reply: sayBack,
    title: titleOf,
    /** What it was asked, newest last. */
    asked: [],
  };
  const server = createServer((request, response) => {
    answer(model, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  model.url = `http://127.0.0.1:${server.address().port}/v1`;
  model.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return model;
}

async function answer(model, request, response) {
  if (request.method === 'GET') {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify({ object: 'list', data: [{ id: 'parrot', object: 'model' }] }));
  }
  let body = '';
  for await (const part of request) body += part;
  const { messages } = JSON.parse(body);
  const last = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const named = TITLE_WANTED.test(messages[0].content);
  if (!named) model.asked.push(messages);
  const text = named ? model.title(/^Person: (.*)$/m.exec(last)?.[1] ?? '') : model.reply(last);

  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const send = (choice) => response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }] })}\n\n`);
  // A word at a time, with what stands behind it.
  for (const content of text.match(/\s*\S+\s*/g) ?? []) {
    send({ delta: { content }, finish_reason: null });
    await wait(WORD_MS);
  }
  send({ delta: {}, finish_reason: 'stop' });
  response.end('data: [DONE]\n\n');
}
