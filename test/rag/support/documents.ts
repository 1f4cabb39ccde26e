import { Document, HeadingLevel, Packer, Paragraph, Table, TableCell, TableRow } from 'docx';
import Pdf from 'pdfkit';

/** A PDF as a common program writes it: two pages, headings by size. */
export async function makePdf(options: { readonly userPassword?: string } = {}): Promise<Buffer> {
  const pdf = new Pdf({ ...options, info: { Title: 'Lease' } });
  const pieces: Buffer[] = [];
  pdf.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<void>((resolve) => {
    pdf.once('end', () => resolve());
  });
  pdf.fontSize(20).text('Terms of the lease');
  pdf.moveDown();
  pdf.fontSize(11).text('The tenant pays on the first of each month. '.repeat(12));
  pdf.moveDown();
  pdf.text('The deposit is three months’ rent. It is returned within thirty days.');
  pdf.addPage();
  pdf.fontSize(20).text('Termination');
  pdf.fontSize(11).text('Either side may end the lease with ninety days’ notice.');
  pdf.end();
  await ended;
  return Buffer.concat(pieces);
}

/** A PDF whose pages hold no text. */
export async function makeEmptyPdf(): Promise<Buffer> {
  const pdf = new Pdf();
  const pieces: Buffer[] = [];
  pdf.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<void>((resolve) => {
    pdf.once('end', () => resolve());
  });
  pdf.rect(10, 10, 100, 100).fill('#333');
  pdf.end();
  await ended;
  return Buffer.concat(pieces);
}

export async function makeDocx(): Promise<Buffer> {
  const cells = (texts: readonly string[]): TableRow =>
    new TableRow({ children: texts.map((text) => new TableCell({ children: [new Paragraph(text)] })) });
  const document = new Document({
    title: 'Handbook',
    sections: [
      {
        children: [
          new Paragraph({ text: 'Leave', heading: HeadingLevel.HEADING_1 }),
          new Paragraph('Everybody has thirty days of leave.'),
          new Paragraph({ text: 'Illness', heading: HeadingLevel.HEADING_2 }),
          new Paragraph({ text: 'Call before nine.', bullet: { level: 0 } }),
          new Table({ rows: [cells(['Country', 'Days']), cells(['Austria', '25']), cells(['Spain', '22'])] }),
        ],
      },
    ],
  });
  return await Packer.toBuffer(document);
}
