import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files and folders that run long. Without known durations Vitest starts with the largest files, so these came last. */
const LONGEST = [
  ...[
    '/several-hosts',
    '/test/images/fuzz/',
    '/test/http/fuzz/',
    '/test/http/schemathesis/',
    '/test/queue/',
    '/test/exports/readers/',
    '/test/cli/shutdown/',
  ],
  ...['/test/imports/python/', '/test/limits/', '/test/infra/', '/test/analysis/scikit-learn/'],
  ...['/test/demo-scenes/model.slow.', '/test/faults/', '/test/models/tokenizers/tokenizers.slow.'],
  ...['/test/web/', '/test/db/migrate.', '/test/db/schema/functions.', '/test/db/ingest/', '/test/db/embedded/'],
  ...['/test/cli/', '/test/pipeline/', '/test/workers/', '/test/security/', '/test/storage/'],
]

/** Starts the longest files first: the last one must not run alone for minutes. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex(part => moduleId.includes(part))
      return place === -1 ? LONGEST.length : place
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}
