package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rapport/rapport/infra/local/issuer"
	"github.com/rapport/rapport/shared/core/clock"
)

// The secrets of the rehearsal's account, which stand in for those of WorkOS.
const (
	apiKey        = "sk_rehearsal"
	webhookSecret = "whsec_rehearsal"
	// nextWebhookSecret is the one after it, webhookSecretName the name that
	// samconfig.toml gives both.
	nextWebhookSecret = "whsec_next"
	webhookSecretName = "rapport/staging/workos-webhook-secret"
)

// identityProvider is the local issuer in the place of WorkOS. Functions get its
// keys over TLS, for a deployed stack takes only https; people get their tokens
// over plain HTTP on loopback, as on a laptop.
type identityProvider struct {
	// url is the issuer's name, served over TLS; plain is the same on plain HTTP.
	url, plain string
	// certificate is the file that makes a Go program trust url.
	certificate string

	listeners []net.Listener
	issuer    *issuer.Issuer
	servers   []*http.Server
}

// newIdentityProvider listens; serve answers.
func newIdentityProvider(ctx context.Context, dir string) (*identityProvider, error) {
	config, certificate, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	p := &identityProvider{certificate: filepath.Join(dir, "issuer.pem")}
	if err := os.WriteFile(p.certificate, certificate, 0o600); err != nil {
		return nil, err
	}
	secure, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	plain, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, secure.Close())
	}
	p.listeners = []net.Listener{tls.NewListener(secure, config), plain}
	p.url = fmt.Sprintf("https://localhost:%d/dev", secure.Addr().(*net.TCPAddr).Port)
	p.plain = "http://" + plain.Addr().String()
	return p, nil
}

// serve answers for people of a suite that is deployed at an address.
func (p *identityProvider) serve(api string, log *slog.Logger) error {
	var err error
	p.issuer, err = issuer.New(issuer.Options{
		URL: p.url, APIKey: apiKey, APIURL: api, WebhookSecret: webhookSecret, Clock: clock.System{},
	})
	if err != nil {
		return err
	}
	for _, listener := range p.listeners {
		server := &http.Server{Handler: p.issuer.Handler(log), ReadHeaderTimeout: 5 * time.Second}
		p.servers = append(p.servers, server)
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				log.Error("identity provider", "error", err.Error())
			}
		}()
	}
	return nil
}

func (p *identityProvider) stop() error {
	var errs []error
	for _, server := range p.servers {
		errs = append(errs, server.Close())
	}
	if p.issuer == nil {
		for _, listener := range p.listeners {
			errs = append(errs, listener.Close())
		}
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, p.issuer.Close())...)
}

// environment is what functions need to reach it.
func (p *identityProvider) environment() map[string]string {
	return map[string]string{"SSL_CERT_FILE": p.certificate, "WORKOS_ENDPOINT": p.plain + "/dev/workos"}
}

// selfSigned makes a certificate for localhost that vouches for itself.
func selfSigned() (*tls.Config, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{signed}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return config, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), nil
}
