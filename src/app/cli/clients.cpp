// The clients that `gotthard connect` knows. Sources: the clients' own documentation; tests/e2e runs them.
#include "app/cli/connect.hpp"

namespace gotthard::app {
namespace {

constexpr std::string_view claude_code = R"(# Claude Code: in the shell that starts it
export ANTHROPIC_BASE_URL="@BASE@"
export ANTHROPIC_AUTH_TOKEN="@KEY@"
export ANTHROPIC_MODEL="@MODEL@"
export ANTHROPIC_DEFAULT_HAIKU_MODEL="@MODEL@"
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude
)";
constexpr std::string_view claude_code_file = R"({"env": {
  "ANTHROPIC_BASE_URL": "@BASE@", "ANTHROPIC_AUTH_TOKEN": "@KEY@", "ANTHROPIC_MODEL": "@MODEL@",
  "ANTHROPIC_DEFAULT_HAIKU_MODEL": "@MODEL@", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}})";

constexpr std::string_view opencode = R"(// OpenCode: opencode.json
{
  "$schema": "https://opencode.ai/config.json",
  "provider": {
    "gotthard": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "gotthard",
      "options": {"baseURL": "@BASE@/v1", "apiKey": "@KEY@"},
      "models": {"@MODEL@": {"name": "@MODEL@", "tool_call": true}}
    }
  },
  "model": "gotthard/@MODEL@",
  "small_model": "gotthard/@MODEL@"
}
)";
constexpr std::string_view opencode_file = R"({"$schema": "https://opencode.ai/config.json",
  "provider": {"gotthard": {"npm": "@ai-sdk/openai-compatible", "name": "gotthard", "options": {"baseURL": "@BASE@/v1", "apiKey": "@KEY@"},
  "models": {"@MODEL@": {"name": "@MODEL@", "tool_call": true}}}}, "model": "gotthard/@MODEL@", "small_model": "gotthard/@MODEL@"})";

constexpr std::string_view openai_env = "OPENAI_BASE_URL=@BASE@/v1\nOPENAI_API_KEY=@KEY@\n";
constexpr std::string_view langchain_env = "OPENAI_BASE_URL=@BASE@/v1\nOPENAI_API_BASE=@BASE@/v1\nOPENAI_API_KEY=@KEY@\n";
constexpr std::string_view anthropic_env = "ANTHROPIC_BASE_URL=@BASE@\nANTHROPIC_API_KEY=@KEY@\n";

constexpr std::string_view openai_python = R"(# pip install openai
from openai import OpenAI

client = OpenAI(base_url="@BASE@/v1", api_key="@KEY@")
answer = client.chat.completions.create(
    model="@MODEL@",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)
)";

constexpr std::string_view openai_node = R"(// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "@BASE@/v1", apiKey: "@KEY@" });
const answer = await client.chat.completions.create({
  model: "@MODEL@",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);
)";

constexpr std::string_view anthropic_python = R"(# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="@BASE@", api_key="@KEY@")
answer = client.messages.create(
    model="@MODEL@",
    max_tokens=256,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[0].text)
)";

constexpr std::string_view anthropic_node = R"(// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "@BASE@", apiKey: "@KEY@" });
const answer = await client.messages.create({
  model: "@MODEL@",
  max_tokens: 256,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.content[0].text);
)";

constexpr std::string_view langchain = R"(# pip install langchain-openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="@BASE@/v1", api_key="@KEY@", model="@MODEL@")
print(model.invoke("Hello").content)
)";

constexpr std::string_view ai_sdk = R"(// npm install ai @ai-sdk/openai-compatible
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const gotthard = createOpenAICompatible({
  name: "gotthard",
  baseURL: "@BASE@/v1",
  apiKey: "@KEY@",
  includeUsage: true,
});
const { text } = await generateText({ model: gotthard("@MODEL@"), prompt: "Hello" });
console.log(text);
)";

constexpr std::string_view curl = R"(# OpenAI dialect
curl @BASE@/v1/chat/completions \
  -H "Authorization: Bearer @KEY@" \
  -H "Content-Type: application/json" \
  -d '{"model": "@MODEL@", "messages": [{"role": "user", "content": "Hello"}]}'

# Anthropic dialect, streaming
curl -N @BASE@/v1/messages \
  -H "x-api-key: @KEY@" \
  -H "anthropic-version: 2023-06-01" \
  -H "Content-Type: application/json" \
  -d '{"model": "@MODEL@", "max_tokens": 256, "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
)";

constexpr Client table[] = {
    {"claude-code", "Claude Code", claude_code, FileKind::json, ".claude/settings.local.json", claude_code_file},
    {.name = "codex", .title = "Codex", .text = {}, .needs = "the OpenAI Responses dialect"},
    {.name = "gemini-cli", .title = "Gemini CLI", .text = {}, .needs = "the Gemini dialect"},
    {"opencode", "OpenCode", opencode, FileKind::json, "opencode.json", opencode_file},
    {"openai-python", "OpenAI SDK for Python", openai_python, FileKind::env, ".env", openai_env},
    {"openai-node", "OpenAI SDK for Node", openai_node, FileKind::env, ".env", openai_env},
    {"anthropic-python", "Anthropic SDK for Python", anthropic_python, FileKind::env, ".env", anthropic_env},
    {"anthropic-node", "Anthropic SDK for Node", anthropic_node, FileKind::env, ".env", anthropic_env},
    {.name = "google-genai", .title = "Google Gen AI SDK", .text = {}, .needs = "the Gemini dialect"},
    {"langchain", "LangChain", langchain, FileKind::env, ".env", langchain_env},
    {"ai-sdk", "Vercel AI SDK", ai_sdk},
    {"curl", "curl", curl},
};

}  // namespace

std::span<const Client> clients() { return table; }

const Client* find_client(std::string_view name) {
    for (const auto& client : table)
        if (client.name == name) return &client;
    return nullptr;
}

}  // namespace gotthard::app
