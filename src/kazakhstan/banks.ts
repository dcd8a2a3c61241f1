/** A bank as the National Bank's directory has it. `code` is in positions 5 to 7 of its accounts' IBANs. */
export interface Bank {
  code: string;
  name: string;
  bic: string;
}

/**
 * Those whose code, BIC and name are in a transcript of the National Bank's directory of BICs (nationalbank.kz/ru/page/spravochnik-bik-rk-ps,
 * as of 2026); some of them were held against an earlier copy of it or against published accounts. To say a bank's name, not to refuse: banks
 * come, go and are renamed.
 */
const BANKS = new Map<string, Bank>();
const bank = (code: string, bic: string, name: string) => BANKS.set(code, { code, name, bic });
bank('009', 'GCVPKZ2A', 'Government for Citizens');
bank('070', 'KKMFKZ2A', 'Treasury Committee of the Ministry of Finance');
bank('125', 'NBRKKZKX', 'National Bank of Kazakhstan');
bank('246', 'HLALKZKZ', 'ADCB Islamic Bank');
bank('432', 'VTBAKZKZ', 'VTB Bank (Kazakhstan)');
bank('435', 'SHBKKZKA', 'Shinhan Bank Kazakhstan');
bank('551', 'KSNVKZKA', 'Freedom Bank Kazakhstan');
bank('563', 'KPSTKZKA', 'Kazpost');
bank('601', 'HSBKKZKX', 'Halyk Bank');
bank('700', 'EABRKZKA', 'Eurasian Development Bank');
bank('722', 'CASPKZKA', 'Kaspi Bank');
bank('821', 'KINCKZKA', 'Bank RBK');
bank('832', 'CITIKZKA', 'Citibank Kazakhstan');
bank('849', 'NURSKZKX', 'Nurbank');
bank('856', 'KCJBKZKX', 'Bank CenterCredit');
bank('885', 'KZIBKZKA', 'KZI Bank');
bank('886', 'INLMKZKA', 'Home Credit Bank');
bank('896', 'ZAJSKZ22', 'Zaman-Bank');
bank('907', 'DVKAKZKA', 'Development Bank of Kazakhstan');
bank('913', 'BKCHKZKA', 'Bank of China in Kazakhstan');
bank('914', 'BRKEKZKA', 'Bereke Bank');
bank('930', 'ICBKKZKX', 'ICBC in Almaty');
bank('948', 'EURIKZKA', 'Eurasian Bank');
bank('949', 'ATYNKZKA', 'Altyn Bank');
bank('965', 'IRTYKZKA', 'ForteBank');
bank('972', 'HCSKKZKA', 'Otbasy Bank');
bank('998', 'TSESKZKA', 'Alatau City Bank'); // Tsesnabank, then First Heartland Jusan Bank

/** The bank that keeps an account of Kazakhstan. @param iban normalized and free of problems */
export const bankOfIban = (iban: string): Bank | undefined => (iban.startsWith('KZ') ? BANKS.get(iban.slice(4, 7)) : undefined);
