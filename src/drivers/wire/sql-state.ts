/** What a value error may say once the value is taken out. */
const generic: ReadonlyMap<string, string> = new Map([
  ['22001', 'a text is too long for its column'],
  ['22003', 'a number is out of range'],
  ['22007', 'a date or time is malformed'],
  ['22008', 'a date or time is out of range'],
  ['22012', 'division by zero'],
  ['22021', 'a text holds characters the database cannot store'],
  ['22023', 'a parameter has a value that is not allowed'],
  ['22030', 'a JSON object has a key twice'],
  ['22032', 'a JSON text is malformed'],
  ['22P02', 'a value is not of the type it is used as'],
  ['22P05', 'a text holds characters the database cannot store'],
  ['23502', 'a value is missing'],
  ['23503', 'a referenced row does not exist, or a row is still referenced'],
  ['23505', 'a row with these values exists already'],
  ['23514', 'a check constraint was violated'],
  ['23P01', 'the row excludes, or is excluded by, another row'],
]);

/**
 * The message of a database error, without data. Those of class 22 (bad values) and 23 (constraints) quote the value;
 * the others name objects of the schema and pieces of the statement's own text.
 */
export function withoutValues(sqlState: string, message: string): string {
  if (sqlState.startsWith('22')) return generic.get(sqlState) ?? 'a value is not valid';
  if (sqlState.startsWith('23')) return generic.get(sqlState) ?? 'a constraint was violated';
  return message;
}
