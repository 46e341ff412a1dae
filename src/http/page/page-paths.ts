/** The views of the page. A path that is none of them is nothing of the page, so its mistakes are seen. */
export const PAGE_PATHS = [
  '/',
  '/search',
  '/photos/:id',
  '/runs',
  '/runs/:id',
  '/labels',
  '/labels/:set',
  '/map',
  '/duplicates',
  '/api',
] as const
