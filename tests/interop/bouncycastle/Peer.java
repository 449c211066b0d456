/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bouncy Castle as the other end: one process for all commands of a test, since starting it takes a second.
 *
 * A command is a line, `NAME KEY=VALUE KEY=VALUE ..`, the fields between tabs; values are files but for names of algorithms, key
 * identifiers and flags. The answer is one line: `ok` or `error: what`.
 */
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.X509Certificate;
import java.util.*;
import javax.crypto.spec.SecretKeySpec;
import javax.mail.internet.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.cms.*;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.RSAESOAEPparams;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cert.*;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.mail.smime.*;
import org.bouncycastle.openssl.*;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;

public class Peer {
	static final String BC = "BC";
	static final Map<String, ASN1ObjectIdentifier> CIPHERS = Map.of("des3", CMSAlgorithm.DES_EDE3_CBC, "aes128-cbc", CMSAlgorithm.AES128_CBC,
		"aes192-cbc", CMSAlgorithm.AES192_CBC, "aes256-cbc", CMSAlgorithm.AES256_CBC, "aes128-gcm", CMSAlgorithm.AES128_GCM, "aes192-gcm",
		CMSAlgorithm.AES192_GCM, "aes256-gcm", CMSAlgorithm.AES256_GCM);
	static final Map<String, ASN1ObjectIdentifier> AGREEMENTS = Map.of("sha1", CMSAlgorithm.ECDH_SHA1KDF, "sha256", CMSAlgorithm.ECDH_SHA256KDF,
		"sha384", CMSAlgorithm.ECDH_SHA384KDF, "sha512", CMSAlgorithm.ECDH_SHA512KDF, "cofactor-sha1", CMSAlgorithm.ECCDH_SHA1KDF,
		"cofactor-sha256", CMSAlgorithm.ECCDH_SHA256KDF, "cofactor-sha384", CMSAlgorithm.ECCDH_SHA384KDF, "cofactor-sha512",
		CMSAlgorithm.ECCDH_SHA512KDF);

	static byte[] read(String file) throws IOException {
		return Files.readAllBytes(Paths.get(file));
	}

	static void write(String file, byte[] data) throws IOException {
		Files.write(Paths.get(file), data);
	}

	static Object pem(String file) throws IOException {
		try (PEMParser parser = new PEMParser(new FileReader(file))) {
			return parser.readObject();
		}
	}

	static X509Certificate certificate(String file) throws Exception {
		return new JcaX509CertificateConverter().setProvider(BC).getCertificate((X509CertificateHolder)pem(file));
	}

	static PrivateKey key(String file) throws Exception {
		return new JcaPEMKeyConverter().setProvider(BC).getPrivateKey((PrivateKeyInfo)pem(file));
	}

	/* ---- Signatures ---- */

	static SignerInfoGenerator signer(Map<String, String> in) throws Exception {
		JcaSimpleSignerInfoGeneratorBuilder builder = new JcaSimpleSignerInfoGeneratorBuilder().setProvider(BC);

		builder.setDirectSignature(in.containsKey("direct"));
		if (in.containsKey("ski"))
			return builder.build(in.get("algorithm"), key(in.get("key")),
				new JcaX509ExtensionUtils().createSubjectKeyIdentifier(certificate(in.get("certificate")).getPublicKey()).getKeyIdentifier());
		return builder.build(in.get("algorithm"), key(in.get("key")), certificate(in.get("certificate")));
	}

	static JcaCertStore chain(Map<String, String> in) throws Exception {
		return new JcaCertStore(List.of(certificate(in.get("certificate")), certificate(in.get("chain"))));
	}

	static void sign(Map<String, String> in) throws Exception {
		CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
		boolean opaque = !in.containsKey("detached");
		ByteArrayOutputStream out = new ByteArrayOutputStream();

		generator.addSignerInfoGenerator(signer(in));
		generator.addCertificates(chain(in));
		if (in.containsKey("definite")) {
			CMSSignedDataGenerator whole = new CMSSignedDataGenerator();
			whole.addSignerInfoGenerator(signer(in));
			whole.addCertificates(chain(in));
			write(in.get("out"), whole.generate(new CMSProcessableByteArray(read(in.get("in"))), opaque).getEncoded("DER"));
			return;
		}
		try (OutputStream content = generator.open(out, opaque)) {
			content.write(read(in.get("in")));
		}
		write(in.get("out"), out.toByteArray());
	}

	static void checkSigners(SignerInformationStore signers, org.bouncycastle.util.Store<X509CertificateHolder> certificates) throws Exception {
		if (signers.size() == 0)
			throw new CMSException("nobody has signed");
		for (SignerInformation signer : signers.getSigners()) {
			Collection<X509CertificateHolder> found = certificates.getMatches(signer.getSID());
			if (found.size() != 1)
				throw new CMSException("the signer's certificate is there " + found.size() + " times");
			X509CertificateHolder holder = found.iterator().next();
			if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(holder)))
				throw new CMSException("the signature is wrong");
		}
	}

	static void verify(Map<String, String> in) throws Exception {
		CMSSignedData signed = in.containsKey("content") ?
			new CMSSignedData(new CMSProcessableByteArray(read(in.get("content"))), read(in.get("in"))) : new CMSSignedData(read(in.get("in")));

		checkSigners(signed.getSignerInfos(), signed.getCertificates());
		if (in.containsKey("out"))
			write(in.get("out"), (byte[])signed.getSignedContent().getContent());
	}

	/* ---- Encryption: each of the lists of recipients is separated by commas ---- */

	static String[] list(Map<String, String> in, String name) {
		return in.containsKey(name) ? in.get(name).split(",") : new String[0];
	}

	static void addRecipients(CMSEnvelopedGenerator generator, Map<String, String> in) throws Exception {
		ASN1ObjectIdentifier wrap = in.get("cipher").startsWith("aes128") ? CMSAlgorithm.AES128_WRAP :
			in.get("cipher").startsWith("aes192") ? CMSAlgorithm.AES192_WRAP : CMSAlgorithm.AES256_WRAP;

		for (String file : list(in, "rsa"))
			generator.addRecipientInfoGenerator(in.containsKey("ski") ?
				new JceKeyTransRecipientInfoGenerator(
					new JcaX509ExtensionUtils().createSubjectKeyIdentifier(certificate(file).getPublicKey()).getKeyIdentifier(),
					certificate(file).getPublicKey()).setProvider(BC) :
				new JceKeyTransRecipientInfoGenerator(certificate(file)).setProvider(BC));
		for (String file : list(in, "oaep"))
			generator.addRecipientInfoGenerator(new JceKeyTransRecipientInfoGenerator(certificate(file), oaep(in.get("digest"))).setProvider(BC));
		for (String file : list(in, "ecdh")) {
			KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", BC);
			pairs.initialize(((java.security.interfaces.ECPublicKey)certificate(file).getPublicKey()).getParams());
			KeyPair pair = pairs.generateKeyPair();
			JceKeyAgreeRecipientInfoGenerator agree =
				new JceKeyAgreeRecipientInfoGenerator(AGREEMENTS.get(in.get("kdf")), pair.getPrivate(), pair.getPublic(), wrap).setProvider(BC);
			if (in.containsKey("ukm"))
				agree.setUserKeyingMaterial(in.get("ukm").getBytes());
			generator.addRecipientInfoGenerator(agree.addRecipient(certificate(file)));
		}
		if (in.containsKey("kek"))
			generator.addRecipientInfoGenerator(
				new JceKEKRecipientInfoGenerator(kekIdentifier(read(in.get("kek"))), new SecretKeySpec(read(in.get("kek")), "AES")).setProvider(BC));
		if (in.containsKey("password"))
			generator.addRecipientInfoGenerator(new JcePasswordRecipientInfoGenerator(CMSAlgorithm.AES256_CBC, password(in))
									    .setProvider(BC)
									    .setPRF(PasswordRecipient.PRF.HMacSHA256)
									    .setSaltAndIterationCount(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 10000));
	}

	static AlgorithmIdentifier oaep(String digest) {
		AlgorithmIdentifier hash = new DefaultDigestAlgorithmIdentifierFinder().find(digest);

		return new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP,
			new RSAESOAEPparams(hash, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, hash),
				new AlgorithmIdentifier(PKCSObjectIdentifiers.id_pSpecified, new DEROctetString(new byte[0]))));
	}

	static byte[] kekIdentifier(byte[] kek) throws Exception {
		return Arrays.copyOf(MessageDigest.getInstance("SHA-256").digest(kek), 8);
	}

	static char[] password(Map<String, String> in) throws IOException {
		return new String(read(in.get("password"))).trim().toCharArray();
	}

	static void encrypt(Map<String, String> in) throws Exception {
		ASN1ObjectIdentifier cipher = CIPHERS.get(in.get("cipher"));
		ByteArrayOutputStream out = new ByteArrayOutputStream();

		if (in.get("cipher").endsWith("gcm")) {
			CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
			addRecipients(generator, in);
			if (in.containsKey("attributes"))
				generator.setAuthenticatedAttributeGenerator(given -> new AttributeTable(new org.bouncycastle.asn1.cms.Attribute(CMSAttributes.contentType, new DERSet(CMSObjectIdentifiers.data))));
			write(in.get("out"), generator.generate(new CMSProcessableByteArray(read(in.get("in"))),
				(OutputAEADEncryptor)new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build()).getEncoded());
			return;
		}
		CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
		addRecipients(generator, in);
		try (OutputStream content = generator.open(out, new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build())) {
			content.write(read(in.get("in")));
		}
		write(in.get("out"), out.toByteArray());
	}

	static Recipient recipient(RecipientInformation info, Map<String, String> in, boolean authenticated) throws Exception {
		if (info instanceof KEKRecipientInformation)
			return new JceKEKEnvelopedRecipient(new SecretKeySpec(read(in.get("kek")), "AES")).setProvider(BC);
		if (info instanceof PasswordRecipientInformation)
			return new JcePasswordEnvelopedRecipient(password(in)).setProvider(BC);
		if (info instanceof KeyAgreeRecipientInformation)
			return new JceKeyAgreeEnvelopedRecipient(key(in.get("key"))).setProvider(BC);
		return authenticated ? new JceKeyTransAuthEnvelopedRecipient(key(in.get("key"))).setProvider(BC) :
			new JceKeyTransEnvelopedRecipient(key(in.get("key"))).setProvider(BC);
	}

	static boolean meant(RecipientInformation info, Map<String, String> in) throws Exception {
		if (info instanceof KEKRecipientInformation)
			return in.containsKey("kek");
		if (info instanceof PasswordRecipientInformation)
			return in.containsKey("password");
		return in.containsKey("key") && info.getRID().match(new JcaX509CertificateHolder(certificate(in.get("certificate"))));
	}

	static void decrypt(Map<String, String> in) throws Exception {
		byte[] message = read(in.get("in"));
		boolean authenticated = CMSObjectIdentifiers.authEnvelopedData.equals(ContentInfo.getInstance(new ASN1InputStream(message).readObject()).getContentType());
		RecipientInformationStore infos = authenticated ? new CMSAuthEnvelopedData(message).getRecipientInfos() : new CMSEnvelopedData(message).getRecipientInfos();

		for (RecipientInformation info : infos.getRecipients())
			if (meant(info, in)) {
				write(in.get("out"), info.getContent(recipient(info, in, authenticated)));
				return;
			}
		throw new CMSException("none of the recipients is meant");
	}

	static void compress(Map<String, String> in) throws Exception {
		write(in.get("out"), new CMSCompressedDataGenerator().generate(
			new CMSProcessableByteArray(in.containsKey("signed") ? CMSObjectIdentifiers.signedData : CMSObjectIdentifiers.data, read(in.get("in"))), new ZlibCompressor()).getEncoded());
	}

	/* ---- Mail ---- */

	static MimeMessage message(String file) throws Exception {
		return new MimeMessage(null, new ByteArrayInputStream(read(file)));
	}

	static void verifyMail(Map<String, String> in) throws Exception {
		MimeMessage mail = message(in.get("in"));
		SMIMESigned signed = mail.isMimeType("multipart/signed") ? new SMIMESigned((MimeMultipart)mail.getContent()) : new SMIMESigned(mail);
		ByteArrayOutputStream out = new ByteArrayOutputStream();

		checkSigners(signed.getSignerInfos(), signed.getCertificates());
		signed.getContent().writeTo(out);
		write(in.get("out"), out.toByteArray());
	}

	static void decryptMail(Map<String, String> in) throws Exception {
		RecipientInformationStore infos = new SMIMEEnveloped(message(in.get("in"))).getRecipientInfos();

		for (RecipientInformation info : infos.getRecipients())
			if (meant(info, in)) {
				write(in.get("out"), info.getContent(recipient(info, in, false)));
				return;
			}
		throw new CMSException("none of the recipients is meant");
	}

	static void writeMail(Map<String, String> in, MimeMessage mail) throws Exception {
		mail.setFrom(new InternetAddress(in.get("from")));
		mail.saveChanges();
		ByteArrayOutputStream out = new ByteArrayOutputStream();
		mail.writeTo(out);
		write(in.get("out"), out.toByteArray());
	}

	static void signMail(Map<String, String> in) throws Exception {
		SMIMESignedGenerator generator = new SMIMESignedGenerator();
		MimeBodyPart part = new MimeBodyPart(new ByteArrayInputStream(read(in.get("in"))));
		MimeMessage mail = new MimeMessage((javax.mail.Session)null);

		generator.addSignerInfoGenerator(signer(in));
		generator.addCertificates(chain(in));
		if (in.containsKey("opaque")) {
			MimeBodyPart opaque = generator.generateEncapsulated(part);
			mail.setContent(opaque.getContent(), opaque.getContentType());
			for (javax.mail.Header header : Collections.list(opaque.getAllHeaders()))
				mail.setHeader(header.getName(), header.getValue());
		} else
			mail.setContent(generator.generate(part));
		writeMail(in, mail);
	}

	static void encryptMail(Map<String, String> in) throws Exception {
		SMIMEEnvelopedGenerator generator = new SMIMEEnvelopedGenerator();
		MimeMessage mail = new MimeMessage((javax.mail.Session)null);

		generator.addRecipientInfoGenerator(new JceKeyTransRecipientInfoGenerator(certificate(in.get("rsa"))).setProvider(BC));
		MimeBodyPart part = generator.generate(new MimeBodyPart(new ByteArrayInputStream(read(in.get("in")))),
			new JceCMSContentEncryptorBuilder(CIPHERS.get(in.get("cipher"))).setProvider(BC).build());
		mail.setContent(part.getContent(), part.getContentType());
		for (javax.mail.Header header : Collections.list(part.getAllHeaders()))
			mail.setHeader(header.getName(), header.getValue());
		writeMail(in, mail);
	}

	interface Command {
		void run(Map<String, String> in) throws Exception;
	}

	public static void main(String[] arguments) throws Exception {
		Map<String, Command> commands = Map.of("sign", Peer::sign, "verify", Peer::verify, "encrypt", Peer::encrypt, "decrypt", Peer::decrypt,
			"compress", Peer::compress, "sign-mail", Peer::signMail, "verify-mail", Peer::verifyMail, "encrypt-mail", Peer::encryptMail,
			"decrypt-mail", Peer::decryptMail);
		BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
		String line;

		Security.addProvider(new BouncyCastleProvider());
		while ((line = lines.readLine()) != null) {
			String[] fields = line.split("\t");
			Map<String, String> in = new HashMap<>();
			for (String field : Arrays.copyOfRange(fields, 1, fields.length))
				in.put(field.split("=", 2)[0], field.split("=", 2)[1]);
			try {
				commands.get(fields[0]).run(in);
				System.out.println("ok");
			} catch (Exception e) {
				System.out.println("error: " + e.toString().replace('\n', ' '));
			}
			System.out.flush();
		}
	}
}
