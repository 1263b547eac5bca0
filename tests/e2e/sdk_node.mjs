// Runs jobs with the real Node SDKs: one JSON job a line on standard input, one JSON result a line on standard output.
// Jobs and results: sdk_python.py. `client` is openai, anthropic-2023 (API version 2023-06-01) or anthropic-2026.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] + "/package.json");
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;
const packages = { openai: "openai", "anthropic-2023": "anthropic-2023", "anthropic-2026": "anthropic-2026" };

function failed(error) {
  const headers = error.headers ? Object.fromEntries(error.headers instanceof Headers ? error.headers : Object.entries(error.headers)) : {};
  const inner = error.error?.error ?? error.error ?? {};
  return { error: { kind: error.constructor.name, status: error.status ?? null, message: error.message, code: error.code ?? inner.code ?? inner.type ?? error.type ?? null, headers } };
}

const openaiUsage = (usage) =>
  usage ? { input: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens, output: usage.completion_tokens, total: usage.total_tokens } : { input: null, cached: null, output: null };

const parsed = (call) => ({ id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) });

async function runOpenai(OpenAI, job) {
  const client = new OpenAI({ apiKey: job.key, baseURL: job.base_url + "/v1", maxRetries: job.retries ?? 0, timeout: 30000 });
  if (job.stream) return streamOpenai(client, job);
  const answer = await client.chat.completions.create({ model: job.model, ...job.request });
  const { message, finish_reason } = answer.choices[0];
  return { text: message.content ?? "", thinking: message.reasoning_content ?? "", calls: (message.tool_calls ?? []).map(parsed), stop: finish_reason, ...openaiUsage(answer.usage) };
}

async function streamOpenai(client, job) {
  const options = job.abort_after ? {} : { stream_options: { include_usage: true } };
  const stream = await client.chat.completions.create({ model: job.model, stream: true, ...options, ...job.request });
  const result = { text: "", thinking: "", stop: null, events: 0 };
  const calls = [];
  let usage = null;
  for await (const chunk of stream) {
    result.events += 1;
    if (result.events === job.abort_after) {
      stream.controller.abort();
      return { aborted: true };
    }
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason } of chunk.choices) {
      result.stop = finish_reason ?? result.stop;
      result.text += delta.content ?? "";
      result.thinking += delta.reasoning_content ?? "";
      for (const call of delta.tool_calls ?? []) {
        calls[call.index] ??= { id: "", function: { name: "", arguments: "" } };
        calls[call.index].id ||= call.id ?? "";
        calls[call.index].function.name ||= call.function?.name ?? "";
        calls[call.index].function.arguments += call.function?.arguments ?? "";
      }
    }
  }
  return { ...result, calls: calls.map(parsed), ...openaiUsage(usage) };
}

async function runAnthropic(Anthropic, job) {
  const client = new Anthropic({ apiKey: job.key, baseURL: job.base_url, maxRetries: job.retries ?? 0, timeout: 30000 });
  if (!job.stream) return anthropicAnswer(await client.messages.create({ model: job.model, ...job.request }));
  const stream = client.messages.stream({ model: job.model, ...job.request });
  let events = 0;
  for await (const event of stream) {
    events += event ? 1 : 0;
    if (events === job.abort_after) {
      stream.controller.abort();
      return { aborted: true };
    }
  }
  return { ...anthropicAnswer(await stream.finalMessage()), events };
}

function anthropicAnswer(message) {
  const of = (type) => message.content.filter((block) => block.type === type);
  return {
    text: of("text").map((block) => block.text).join(""),
    thinking: of("thinking").map((block) => block.thinking).join(""),
    signature: of("thinking")[0]?.signature ?? "",
    calls: of("tool_use").map(({ id, name, input }) => ({ id, name, arguments: input })),
    stop: message.stop_reason,
    input: message.usage.input_tokens,
    cached: message.usage.cache_read_input_tokens,
    output: message.usage.output_tokens,
  };
}

async function run(job) {
  try {
    const Client = await load(packages[job.client]);
    return await (job.client === "openai" ? runOpenai : runAnthropic)(Client, job);
  } catch (error) {
    return failed(error);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + "\n");
}
