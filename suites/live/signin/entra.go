package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/learncontract/learncontract/suites/live"
)

const rolelessSecret = "LEARNCONTRACT_ROLELESS_CLIENT_SECRET"

// entra signs an app in.
func entra(ctx context.Context, sandbox *live.Sandbox, identity string) (printed, error) {
	tenant, ok := sandbox.Value("graph.tenant")
	if !ok {
		return printed{}, fmt.Errorf("%s does not name graph.tenant: name it", sandbox.File())
	}
	clientID, _ := sandbox.Value("graph." + identity + ".clientID")
	options := azcore.ClientOptions{Cloud: cloud.AzurePublic, Retry: policy.RetryOptions{MaxRetries: 1}}
	authority, custom := sandbox.Value("graph.authority")
	if custom {
		options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: authority}
		options.Transport = client(sandbox, authority)
	} else {
		options.Transport = client(sandbox, options.Cloud.ActiveDirectoryAuthorityHost)
	}
	// Entra does not know an authority on a loopback address, and must not be asked about it.
	local := custom && live.OnLoopback(authority)

	credential, err := defaultChain(tenant, clientID, options, local)
	if identity == "roleless" {
		credential, err = roleless(sandbox.File(), tenant, clientID, options, local)
	}
	if err != nil {
		return printed{}, err
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
	if err != nil {
		remedy := "set AZURE_CLIENT_SECRET, and AZURE_TENANT_ID and AZURE_CLIENT_ID where they are not those of the sandbox file, or run az login"
		if identity == "roleless" {
			remedy = "check " + rolelessSecret + ", or AZURE_FEDERATED_TOKEN_FILE"
		}
		said := ""
		if why := cause(options.Transport.(*http.Client), err); why != err.Error() { //nolint:forcetypeassert // it was set above
			said = why + ": "
		}
		// The cause and the remedy go first: what the chain says of all that it tried is long.
		return printed{}, fmt.Errorf("Entra issues no token for graph/%s: %s%s, or set %s: %w", identity, said, remedy, //nolint:staticcheck // a name
			live.TokenVariable("graph/"+identity), err)
	}
	return printed{token.Token, token.ExpiresOn}, nil
}

// defaultChain is azidentity's. What the sandbox file names need not be said again in the environment.
func defaultChain(tenant, clientID string, options azcore.ClientOptions, local bool) (azcore.TokenCredential, error) {
	asApp := false
	for _, name := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"} {
		asApp = asApp || os.Getenv(name) != ""
	}
	for name, value := range map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": clientID} {
		if asApp && os.Getenv(name) == "" && value != "" {
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
		}
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: options, TenantID: tenant, DisableInstanceDiscovery: local,
	})
}

// roleless is the app without roles: by a secret of its own, or by the assertion the first app has, which says where the run
// runs and not which app it is.
func roleless(file, tenant, clientID string, options azcore.ClientOptions, local bool) (azcore.TokenCredential, error) {
	secret, assertion := os.Getenv(rolelessSecret), os.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	switch {
	case clientID == "":
		return nil, fmt.Errorf("%s does not name graph.roleless.clientID: name an app without Learning* roles", file)
	case secret != "":
		return azidentity.NewClientSecretCredential(tenant, clientID, secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: local,
		})
	case assertion != "":
		read := func(context.Context) (string, error) {
			text, err := os.ReadFile(assertion)
			return strings.TrimSpace(string(text)), err
		}
		return azidentity.NewClientAssertionCredential(tenant, clientID, read, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: local,
		})
	}
	return nil, fmt.Errorf("nothing signs graph/roleless in: set %s, AZURE_FEDERATED_TOKEN_FILE or %s", rolelessSecret,
		live.TokenVariable("graph/roleless"))
}
