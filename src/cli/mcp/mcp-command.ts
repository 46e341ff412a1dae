import type { Command } from 'commander'
import { type CommonOptions, runCommand } from '../context.js'

export function addMcpCommand(program: Command): void {
  program
    .command('mcp')
    .description('Let AI assistants search the photos: tools of the Model Context Protocol over stdin and stdout.')
    .option('--json', 'print an error as a JSON object')
    .addHelpText(
      'after',
      `
The tools search, similar, facets and photo only read. An assistant starts this command itself; docs/guides/mcp.md shows
how to configure it:
  { "mcpServers": { "photos": { "command": "unsplash-clip", "args": ["mcp"] } } }

stdout carries the protocol alone; the log goes to stderr, a line of JSON per request to the API.
It ends when stdin closes, after the calls in work.
Exit codes: 0 stdin closed or stopped, 1 failed, 2 wrong configuration, 130 ended at once.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(
        options,
        {},
        async context => (await import('./answer-tools.js')).answerTools(context),
        'service',
      )
    })
}
