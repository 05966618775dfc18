/** What close codes mean to a player. */
const meanings: Readonly<Record<number, string>> = {
  1006: 'The server cannot be reached any more. Is it still running?',
  1008: 'The server closed the connection because this page sent too much.',
  1013: 'This connection was too slow to keep up with the game.',
  4000: 'You have left, or your game goes on in another window.',
  4001: 'The server is shutting down.',
  4002: 'The room had an error and was closed.',
  4010: 'The connection was interrupted.',
};

export function closeMeaning(code: number): string {
  return meanings[code] ?? 'The server closed the connection.';
}
