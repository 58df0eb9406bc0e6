/** What tokens of this app can be for. An audience is a name: it stays when the service behind it moves. */

export const AUDIENCES = {
  orders: 'https://orders.example.com',
  billing: 'https://billing.example.com',
  reports: 'https://reports.example.com',
} as const;
